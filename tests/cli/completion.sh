# ingot completion: the scripts parse, and bash completes commands, options and values.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

check 2 ingot completion tcsh
says "unknown shell 'tcsh'; there are: bash, zsh, fish"
check 0 ingot completion fish
prints "complete -c ingot -n '__fish_use_subcommand' -f -a train"
prints "complete -c ingot -n '__fish_seen_subcommand_from bench; and __fish_seen_subcommand_from matmul' -l repeat -r"
prints "-l batch-size -r"
if has fish; then
  fish -n "$out" || fail "fish: no valid script"
  # fish itself says what it would offer: offers EXPECTED LINE.
  cp "$out" ingot.fish
  offers() {
    local got
    got=$(HOME=$PWD fish -N -c "source ingot.fish; complete -C '$2'" | cut -f 1 | xargs)
    [ "$got" = "$1" ] || fail "fish: '$2' completes to '$got', not '$1'"
  }
  offers "train" "ingot tr"
  offers "resnet18 resnet34 resnet50" "ingot train --model resnet"
  offers "--optimizer" "ingot train --model resnet18 --opt"
  offers "adagrad adam adamw" "ingot train --optimizer a"
  offers "matmul train" "ingot bench "
  offers "bash fish zsh" "ingot completion "
fi
check 0 ingot completion zsh
prints "#compdef ingot"
prints "--optimizer["
prints "_ingot_bench() {"
prints "--repeat["
if has zsh; then zsh -n "$out" || fail "zsh: no valid script"; fi
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
completes "val_accuracy val_loss" train --keep-best val
completes "bash" completion b
completes "" train --nothing
completes "train" bench t
completes "--repeat" bench matmul --rep
completes "--images" bench train --im
completes "" bench matmul --im
completes "resnet18" bench train --models resnet18
completes "mlp,lenet5" bench train --models mlp,len
completes "all" bench matmul --devices a
completes "mnist mnist:" train --data mn
completes "folder:" eval --data fo
touch weights.pth
completes "weights.pth" convert wei
