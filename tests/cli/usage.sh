# Help, version, exit codes and the texts of usage errors.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

check 0 ingot --version
prints "ingot 0."
check 0 ingot --help
for word in devices train eval predict runs summary bench check manual Examples: "Exit codes:"; do prints "$word"; done
for command in devices train eval predict runs summary bench check convert completion manual "bench train" "bench matmul"; do
  # shellcheck disable=SC2086  # words
  check 0 ingot $command --help
  prints "Examples:"
  prints "ingot $command"
done
check 0 ingot train --help
for option in --model --data --device --epochs --batch-size --lr --optimizer --limit --image-size \
  --workers --seed --lr-decay --out --resume --json; do
  prints "$option"
done

for text in "--resume always keeps" "--epochs, --lr, --lr-decay and --workers hold" "are removed"; do
  prints "$text"
done
prints "Only N images of each part"
check 0 ingot eval --help
prints "Only N images"

# usage TEXT ARGUMENTS...: exit code 2 and one line that has TEXT.
usage() {
  local text=$1
  shift
  check 2 ingot "$@"
  says "$text"
  one_line
}

usage "a command is needed; there are: devices, train, glue, eval, predict, runs, summary, bench"
usage "unknown command 'tarin'; there are: devices, train, glue, eval, predict, runs, summary, bench" tarin
usage "train: --model is required" train --data mnist
usage "train: --data is required" train --model lenet5
usage "eval: RUN is required: a run folder or a file of weights" eval --model lenet5 --data mnist
usage "predict: RUN is required" predict
usage "summary: --model is required" summary
usage "unknown model 'lenet6'; known are alexnet, efficientnet_b0, lenet5, mlp" train --model lenet6 --data mnist
usage "unknown model 'x'; known are" summary --model x
usage "unknown data 'cifar'; there are: mnist" train --model lenet5 --data cifar
usage "names no folder" train --model lenet5 --data mnist:
usage "'gpu'" train --model lenet5 --data mnist --device gpu
usage "cuda" train --model lenet5 --data mnist --device gpu
usage "unknown optimizer 'adamax'; there are: sgd, adam, adamw" \
  train --model lenet5 --data mnist --optimizer adamax
# The nearest is named, not all thirty.
usage "train: unknown argument '--batchsize'; did you mean --batch-size? (see ingot train --help)" \
  train --model lenet5 --batchsize 4
usage "unknown argument '--epoch=3'; did you mean --epochs?" train --model lenet5 --epoch=3
usage "eval: unknown argument '--weigths'; did you mean --weights?" eval --weigths x
usage "train: unknown argument '--transmogrify' (see ingot train --help)" train --transmogrify
usage "did you mean train?" tarin
usage "unknown model 'resnet81'" train --model resnet81 --data mnist
usage "did you mean resnet18?" train --model resnet81 --data mnist
usage "unknown optimizer 'adma'; there are: sgd, adam" train --model mlp --data mnist --optimizer adma
usage "did you mean adam?" train --model mlp --data mnist --optimizer adma
usage "did you mean cosine?" train --model mlp --data mnist --scheduler cosin
usage "did you mean val_loss?" train --model mlp --data mnist --monitor val-loss
usage "did you mean mnist?" train --model mlp --data mnits
usage "did you mean cpu?" train --model mlp --data mnist --device cpuu
usage "did you mean float16?" convert a b --dtype flaot16
usage "devices: unknown argument '--every'" devices --every

good="train --model lenet5 --data mnist"
for value in 0 -1 -9223372036854775809 x 1.5; do
  for option in --epochs --batch-size --limit --image-size; do
    # shellcheck disable=SC2086  # words
    usage "$option: must be a whole number, 1 or more, not '$value'" $good "$option=$value"
  done
done
for value in 0 -0.1 nan inf x; do
  # shellcheck disable=SC2086
  usage "--lr: must be a number above 0, not '$value'" $good "--lr=$value"
done
# shellcheck disable=SC2086
{
  usage "--workers: must be a whole number, 0 or more, not '-1'" $good --workers=-1
  usage "--workers: must be at most 256" $good --workers=100000
  usage "--out: must not be empty" $good --out ""
  for value in 5000 9223372036854775807 99999999999999999999; do
    usage "--image-size: must be at most 4096, not '$value'" $good --image-size $value
    usage "--image-size: must be at most 4096" summary --model resnet18 --image-size $value
  done
  for value in 9223372036854775807 99999999999999999999; do
    usage "--epochs: must be at most 1000000000, not '$value'" $good --epochs $value
    usage "--batch-size: must be at most 1000000, not '$value'" $good --batch-size $value
  done
  usage "--image-size: model mlp does not take images" train --model mlp --data mnist \
    --image-size 4096
  usage "--seed: must be a whole number, 0 or more" $good --seed=-1
  usage "--resume needs --out" $good --resume
  usage "exclude each other" $good --resume --overwrite --out x
}
usage "lenet5 does not take images of 32x32" train --model lenet5 --data mnist --image-size 32
usage "lenet5 does not take images of 5x5" summary --model lenet5 --image-size 5
if [ -e runs ] || [ -e x ]; then fail "a usage error made a run folder"; fi

check 0 ingot summary --model lenet5
prints "61,706"
check 0 ingot summary --model resnet18 --image-size 64 --batch-size 2
prints "[2, 512, 2, 2]"
check 0 ingot summary --model mlp
prints "235,146"

# Names may be typed in any case.
check 0 ingot train --model MLP --data MNIST --optimizer AdamW --device CPU --scheduler Cosine \
  --keep-best Val_Accuracy --limit 32 --epochs 1 --workers 0 --out case --json case.json
grep -q '"model": "mlp"' case.json && grep -q '"optimizer": "adamw"' case.json &&
  grep -q '"scheduler": "cosine"' case.json || fail "case.json: names are as they were typed"
check 0 ingot train --model mlp --optimizer ADAMW --out case --resume --epochs 1
check 0 ingot summary --model ResNet18
check 0 ingot completion Bash
