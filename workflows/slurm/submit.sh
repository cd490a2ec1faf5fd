#!/bin/bash
# All jobs of a planned sweep without Snakemake: an array job for each kind, each after the one before.
#
#   zifsim sweep plan quench_sweep.toml           writes results/quench_sweep
#   bash slurm/submit.sh results/quench_sweep     again whenever the queue is empty: only what is left is submitted
#
# Options of sbatch for each kind; edit them, or set them from outside. Add --partition and --account as your cluster
# wants them, and take --gpus=1 where --gres=gpu:1 is not known.
set -euo pipefail
SMALL=${SMALL:-"--time=00:30:00 --mem=4G --cpus-per-task=1"}                 # build, relax, pores
MELT=${MELT:-"--time=08:00:00 --mem=4G --cpus-per-task=2 --gres=gpu:1"}
GCMC=${GCMC:-"--time=04:00:00 --mem=4G --cpus-per-task=1"}
MELTS_PER_GPU=${MELTS_PER_GPU:-1}       # melts side by side in one array task

fail() { echo "error: $1" >&2; exit 2; }
[ $# -eq 1 ] || fail "give the results folder of a sweep: submit.sh results/quench_sweep"
dir=$1
[ -e "$dir/jobs/melt.txt" ] || fail "$dir holds no planned sweep: 'zifsim sweep plan FILE' first."
command -v zifsim > /dev/null || fail "'zifsim' is not on the PATH: activate its environment first."
here=$(cd "$(dirname "$0")" && pwd)

# The array indices (a task runs $2 lines of the list) of the jobs of kind $1 that are not finished.
unfinished() {
    local line=0 job
    while read -r job; do
        [ -e "$dir/$job/DONE" ] || echo $((line / $2 + 1))
        line=$((line + 1))
    done < "$dir/jobs/$1.txt" | uniq | paste -sd, -
}

mkdir -p "$dir/slurm"
before=
for kind in build relax melt pores gcmc; do
    case $kind in
        melt) options=$MELT side_by_side=$MELTS_PER_GPU ;;
        gcmc) options=$GCMC side_by_side=1 ;;
        *) options=$SMALL side_by_side=1 ;;
    esac
    tasks=$(unfinished "$kind" "$side_by_side")
    [ -n "$tasks" ] || continue
    # afterany: a glass that failed must not keep the others' isotherms from running.
    before=$(sbatch --parsable --array="$tasks" ${before:+--dependency=afterany:$before} $options \
        --output="$dir/slurm/$kind-%A_%a.log" "$here/sweep.sbatch" "$dir" "$kind" "$side_by_side")
    echo "$kind: $(tr -dc , <<< "$tasks," | wc -c) tasks, SLURM job $before"
done
if [ -n "$before" ]; then
    echo "how far it is: zifsim sweep status $dir --watch"
else
    echo "all jobs are finished: zifsim sweep collect $dir"
fi
