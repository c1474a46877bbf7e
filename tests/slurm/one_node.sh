#!/usr/bin/env bash
# A SLURM cluster of this machine alone: a node of eight made-up cores and two made-up GPUs, with
# no accounting database, cgroups or systemd. For tests; Debian or Ubuntu, as root.
#
#   one_node.sh install     the packages
#   one_node.sh start DIR   state and logs go to DIR
#   one_node.sh stop DIR
set -euo pipefail

install_packages() {
  command -v slurmctld >/dev/null && command -v munged >/dev/null && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    slurmctld slurmd slurm-client munge >/dev/null
}

# In /etc, because jobs lose SLURM_CONF: Snakemake starts their steps without SLURM's variables.
# The memory of a job is watched by polling, and one that takes more than it asked for is killed.
# A requeued job waits until its credential has expired: of itself two minutes.
write_config() {
  local host=$1 dir=$2
  cat >/etc/slurm/slurm.conf <<CONF
ClusterName=aubert_test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=15
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=3600
EnforcePartLimits=ALL
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=8 CoresPerSocket=8 RealMemory=64000 Gres=gpu:2
PartitionName=cpu Nodes=$host Default=YES MaxTime=UNLIMITED State=UP
PartitionName=gpu Nodes=$host MaxTime=UNLIMITED State=UP
CONF
  printf 'Name=gpu File=%s\n' /dev/null /dev/zero >/etc/slurm/gres.conf
}

start() {
  local dir=$1 host
  host=$(hostname -s)
  if [ -e /etc/slurm/slurm.conf ] && ! grep -q '^ClusterName=aubert_test$' /etc/slurm/slurm.conf; then
    echo "this machine belongs to a SLURM already (/etc/slurm/slurm.conf)" >&2
    return 3
  fi
  mkdir -p "$dir/state" "$dir/spool" /etc/slurm
  write_config "$host" "$dir"
  if ! munge -n >/dev/null 2>&1; then
    command -v mungekey >/dev/null && [ ! -s /etc/munge/munge.key ] && mungekey --create
    install -d -o munge -g munge -m 0755 /run/munge
    runuser -u munge -- munged --pid-file=/run/munge/munged.pid
    touch "$dir/munge-is-ours"
  fi
  slurmctld
  slurmd
  for _ in $(seq 100); do
    [ "$(sinfo --noheader --Format=StateCompact 2>/dev/null | tr -d ' ' | sort -u)" = idle ] && return
    sleep 0.2
  done
  tail -n 20 "$dir"/*.log >&2
  echo "the node did not become idle" >&2
  return 1
}

stop() {
  local dir=$1 pid_file
  for pid_file in "$dir/slurmd.pid" "$dir/slurmctld.pid"; do
    [ -s "$pid_file" ] && kill "$(cat "$pid_file")" || true
  done
  if [ -e "$dir/munge-is-ours" ]; then kill "$(cat /run/munge/munged.pid)" || true; fi
  rm -f /etc/slurm/slurm.conf /etc/slurm/gres.conf
}

case ${1:-} in
install) install_packages ;;
start) start "$2" ;;
stop) stop "$2" ;;
*) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
