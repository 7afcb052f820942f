#!/bin/sh
# boot.sh SCRIPT FILES OUT: boots systemd in a container over a copy of this machine's files,
# which is gone afterwards, runs SCRIPT in it with the folder FILES at /mnt, and prints what it
# prints. Run by `unshare --mount`, as root.
set -eu
script=$1 files=$2 out=$3

memory=$(mktemp --directory)
trap 'umount --recursive "$memory" 2>/dev/null; rmdir "$memory"' EXIT
# In memory: what the script changes is seen by nobody else, and needs no file system that can
# be the upper one of an overlay.
mount -t tmpfs -o size=80% signet-test "$memory"
mkdir "$memory/upper" "$memory/work" "$memory/root"
root=$memory/root
mount -t overlay -o "lowerdir=/,upperdir=$memory/upper,workdir=$memory/work" overlay "$root"

# A machine of its own, on which nothing starts but what the script asks for. What this
# machine has of Signet is not there.
: > "$root/etc/machine-id"
rm -rf "$root/etc/signet" "$root/var/lib/signet" "$root/var/lib/private/signet" "$root/usr/sbin/policy-rc.d"
cp "$script" "$root/signet-test.sh"
cat > "$root/etc/systemd/system/signet-test.target" <<UNIT
[Unit]
Requires=signet-test.service
Wants=basic.target
UNIT
cat > "$root/etc/systemd/system/signet-test.service" <<UNIT
[Unit]
After=basic.target
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
Environment=HOME=/root DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WorkingDirectory=/mnt
ExecStart=/bin/bash /signet-test.sh
StandardOutput=file:/signet-test.out
StandardError=inherit
TimeoutStartSec=900
UNIT

# Where no systemd runs there is none that could make a unit for the container.
unit=--keep-unit
test ! -d /run/systemd/system || unit=
status=0
# shellcheck disable=SC2086 # an option or nothing
systemd-nspawn --quiet --directory="$root" --bind="$files:/mnt" --boot --register=no $unit \
    --private-network --console=pipe --machine=signet-test systemd.unit=signet-test.target \
    < /dev/null > "$out.console" 2>&1 || status=$?
cp "$root/signet-test.out" "$out" 2>/dev/null || cp "$out.console" "$out"
exit "$status"
