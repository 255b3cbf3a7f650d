#!/usr/bin/env bash
# {{ name }} in {{ shards }} shards as a Slurm array, and a job that merges them when all have ended.
# Written by `ip2p jobs` to be read and changed. Submit it from a node that sees the same folders; `ip2p setup --cuda`, run
# there once, fetches the libraries, for nodes that have no network:
#     bash {{ file }}
# Submit tasks again that were lost, e.g. 3 and 7, and merge once more:
#     bash {{ file }} 3,7
set -euo pipefail

sweep={{ sweep }}
out={{ out }}                # on a file system that all nodes share
logs={{ logs }}
shards={{ shards }}                    # of the whole sweep; change it only together with a new folder
at_once={{ at_once }}                     # tasks that run side by side
gpus=gpu:1                    # --gres of a task; empty: none
cpus=4                        # of a task, and its threads
memory=16G
time=08:00:00                 # a task that needs longer is put into the queue again
restarts=20                   # ... so often
notice=120                    # seconds between Slurm's SIGTERM and its end
partition=()                  # e.g. (--partition=gpu --account=vision)
merge_partition=("${partition[@]}")  # merging needs no GPU
ip2p=(ip2p)                   # or (apptainer exec --nv ip2p.sif ip2p)

submit() {
  mkdir -p "$logs"
  script=$(readlink -f "$0")
  array=$(sbatch --parsable "${partition[@]}" --job-name={{ job }} --array="$1%$at_once" \
    ${gpus:+--gres="$gpus"} --cpus-per-task="$cpus" --mem="$memory" --time="$time" \
    --requeue --open-mode=append --signal="TERM@$notice" --output="$logs/%a.log" "$script" task)
  merge=$(sbatch --parsable "${merge_partition[@]}" --job-name={{ job }}-merge --dependency="afterany:$array" \
    --mem="$memory" --time="$time" --open-mode=append --output="$logs/merge.log" "$script" merge)
  echo "submitted array $array and merge job $merge; logs in $logs"
}

# Slurm sends SIGTERM to the step before the time is up or the node is needed; ip2p then finishes what is at hand, exits
# with 130 and goes on from there when the task has come to a node again. Lost nodes and preemption requeue by themselves.
task() {
  code=0
  # Since Slurm 22.05 a step has one CPU unless it says how many.
  srun --ntasks=1 --cpus-per-task="$cpus" \
    "${ip2p[@]}" run "$sweep" --out "$out" --shard "auto/$shards" --threads "$cpus" || code=$?
  if [ "$code" = 130 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$restarts" ]; then
    id="${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
    # One that was cancelled is not to come back.
    if [ "$(squeue --noheader --format=%T --job="$id")" = RUNNING ]; then scontrol requeue "$id"; fi
  fi
  exit "$code"
}

# Exits with 12 if cells are missing, and says which commands compute them.
merge() {
  "${ip2p[@]}" merge "$out"
}

case "${1:-submit}" in
  submit) submit "0-$((shards - 1))" ;;
  task) task ;;
  merge) merge ;;
  *) submit "$1" ;;
esac
