#!/bin/bash
# All jobs of a planned sweep without Snakemake: an array job for each kind, each after the one before.
#
#   zifsim sweep plan quench_sweep        writes results/quench_sweep
#   ./submit.sh results/quench_sweep      again whenever you like: finished jobs are left alone
#
# Options of sbatch for each kind; edit them, or set them from outside. Add --partition and --account as your cluster
# wants them, and take --gpus=1 where --gres=gpu:1 is not known.
set -euo pipefail
SMALL=${SMALL:-"--time=00:30:00 --mem=4G --cpus-per-task=1"}                 # build, relax, pores
MELT=${MELT:-"--time=08:00:00 --mem=4G --cpus-per-task=2 --gres=gpu:1"}
GCMC=${GCMC:-"--time=04:00:00 --mem=4G --cpus-per-task=1"}
MELTS_PER_GPU=${MELTS_PER_GPU:-1}       # melts side by side in one array task

dir=$1
here=$(cd "$(dirname "$0")" && pwd)
before=
for kind in build relax melt pores gcmc; do
    jobs=$(wc -l < "$dir/jobs/$kind.txt")
    [ "$jobs" -eq 0 ] && continue
    case $kind in
        melt) options=$MELT side_by_side=$MELTS_PER_GPU ;;
        gcmc) options=$GCMC side_by_side=1 ;;
        *) options=$SMALL side_by_side=1 ;;
    esac
    tasks=$(((jobs + side_by_side - 1) / side_by_side))
    # afterany: a glass that failed must not keep the others' isotherms from running.
    before=$(sbatch --parsable --array="1-$tasks" ${before:+--dependency=afterany:$before} $options \
        "$here/sweep.sbatch" "$dir" "$kind" "$side_by_side")
    echo "$kind: $jobs jobs, SLURM job $before"
done
echo "zifsim sweep status $dir --watch"
