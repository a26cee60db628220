# ingot completion: the scripts parse, and bash completes commands, options and values.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

check 2 ingot completion tcsh
says "unknown shell 'tcsh'; there are: bash, zsh, fish"
check 0 ingot completion fish
prints "complete -c ingot -n __fish_use_subcommand -a train"
prints "-l batch-size -r"
if command -v fish >/dev/null; then fish -n "$out" || fail "fish: no valid script"; fi
check 0 ingot completion zsh
prints "#compdef ingot"
prints "--optimizer["
if command -v zsh >/dev/null; then zsh -n "$out" || fail "zsh: no valid script"; fi
check 0 ingot completion bash
cp "$out" ingot.bash
bash -n ingot.bash || fail "bash: no valid script"
source ingot.bash
complete -p ingot | grep -q _ingot || fail "bash: nothing is registered"

# completes EXPECTED WORDS...: the last word is being typed.
completes() {
  local expected=$1
  shift
  COMP_WORDS=(ingot "$@")
  COMP_CWORD=$#
  _ingot
  [ "${COMPREPLY[*]}" = "$expected" ] || fail "'ingot $*' completes to '${COMPREPLY[*]}', not '$expected'"
}
completes "train" tr
completes "devices" dev
completes "--batch-size" train --ba
completes "--keep-best" train --keep
completes "resnet18" train --model resnet18
completes "lenet5" eval --model len
completes "sgd" train --optimizer s
completes "cosine" train --scheduler co
completes "test_accuracy test_loss" train --keep-best test
completes "bash" completion b
completes "" train --nothing
touch weights.pth
completes "weights.pth" convert wei
