#!/usr/bin/env bash
# Debian's SLURM and munge, for `make slurm-test`: where root and apt are at hand and no SLURM is there yet.
# Nothing is configured or started: the test brings its own configuration and daemons.
set -euo pipefail
missing=
for program in slurmctld slurmd munged sbatch squeue scontrol; do
    command -v "$program" > /dev/null || missing="$missing $program"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
    echo "not here:$missing. Installing SLURM takes root and apt: the test will be skipped"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# What a package would start by itself (and a container cannot) stays off.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends slurm-wlm munge
