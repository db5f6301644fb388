#!/usr/bin/env bash
# A search over the machines of a Slurm job: `sbatch examples/search_on_slurm.sh data.csv`.
# Further words go to `throughtime search`. Submitted again, it goes on with the same search.
#SBATCH --job-name=throughtime-search
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=04:00:00
set -euo pipefail

data=${1:?the file with the series}
shift
port=6379
machines=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
head=${machines[0]}

# Ray on the first machine, then on the others; each ends with the job.
srun --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --port="$port" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
sleep 15
if ((${#machines[@]} > 1)); then
    srun --nodes=$((${#machines[@]} - 1)) --ntasks=$((${#machines[@]} - 1)) --exclude="$head" \
        ray start --address="$head:$port" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
    sleep 15
fi

name=$(basename "$data")
RAY_ADDRESS="$head:$port" throughtime search "$data" --on ray --out "runs/search-${name%%.*}" "$@"
