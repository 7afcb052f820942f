# Run by systemd in the container that boot.sh makes. @ARCHIVE@ and @DEBIAN@ are the commands of
# those sections of docs/INSTALL.md.
set -euo pipefail
trap 'echo "line $LINENO of the test failed: $BASH_COMMAND"; journalctl --unit signet --no-pager --lines 30; cat /tmp/image.log' ERR

# The name of what is shown, and its value.
shown() { systemctl show --property "$1" --value signet; }
# Looks until a command succeeds.
until_true() {
    local tries=0
    until "$@" > /tmp/tried 2>&1; do
        tries=$((tries + 1))
        test "$tries" -lt 600 || { echo "in vain: $*"; cat /tmp/tried; return 1; }
        sleep 0.1
    done
}
page() { curl --silent --show-error --fail http://127.0.0.1:8080/login; }
is() { test "$(shown "$1")" = "$2"; }

echo "== the archive"
@ARCHIVE@
test "$(command -v signet)" = /usr/local/bin/signet
man --where --manpath=/usr/local/share/man signet-serve > /dev/null
bash -c '. /usr/local/share/bash-completion/completions/signet && complete -p signet > /dev/null'
page | grep --quiet '<!DOCTYPE html>'
systemctl disable --now signet
rm -r /usr/local/bin/signet /usr/local/share/man/man1/signet* /etc/systemd/system/signet.service /var/lib/private/signet
systemctl daemon-reload
hash -r

echo "== the package"
@DEBIAN@
cd /mnt
page | grep --quiet '<!DOCTYPE html>'
is ActiveState active
is UnitFileState enabled
is StatusText 'Serving http://127.0.0.1:8080'
pid=$(shown MainPID)
systemd-analyze verify --man=yes /usr/lib/systemd/system/signet.service
echo "user $(stat --format %u "/proc/$pid"), files:"
test "$(stat --format %u "/proc/$pid")" -ge 61184
grep --quiet '^CapEff:\s*0000000000000000$' "/proc/$pid/status"
stat --format '%A %u %n' /var/lib/private/signet/*
test -z "$(find /var/lib/private/signet ! -user "$(stat --format %u "/proc/$pid")")"
test -z "$(find /var/lib/private/signet -perm /077)"
test "$(stat --format '%a %U' /etc/signet/signet.env)" = '600 root'
# The log is the one that the variable asks for, and the filter of system calls let the server
# raise its limit of files to the highest that it may have.
journalctl --unit signet --output cat | grep --quiet '^{"timestamp"'
awk '/^Max open files/ { exit $4 != $5 }' "/proc/$pid/limits"

echo "== a root like the image's: the C library and certificates alone, read-only, no rights"
image=/tmp/image
mkdir --parents "$image/var/lib/signet"
cp --parents --dereference /usr/bin/signet /etc/ssl/certs/ca-certificates.crt "$image"
ldd /usr/bin/signet | grep --only-matching '/[^ ]*' | xargs cp --parents --dereference --target-directory="$image"
mount --bind "$image" "$image"
mount -o remount,bind,ro "$image"
mount -t tmpfs -o uid=65532,mode=700 volume "$image/var/lib/signet"
in_image=(env --ignore-environment SIGNET_LISTEN=0.0.0.0:8081 SIGNET_DATABASE=sqlite:/var/lib/signet/signet.db
    SQLITE_TMPDIR=/var/lib/signet
    /usr/bin/setpriv --no-new-privs /usr/sbin/chroot --userspec=65532:65532 "$image" /usr/bin/signet)
"${in_image[@]}" serve > /tmp/image.log 2>&1 &
until_true "${in_image[@]}" health
curl --silent --show-error --fail http://127.0.0.1:8081/login | grep --quiet '<!DOCTYPE html>'
"${in_image[@]}" check > /dev/null
kill $!
wait $!
grep --quiet stopped /tmp/image.log

echo "== the watchdog"
mkdir -p /run/systemd/system/signet.service.d
printf '[Service]\nWatchdogSec=2s\nEnvironment=SIGNET_FAULT=hang:dispatcher_round=3\nRestartSec=0\n' \
    > /run/systemd/system/signet.service.d/stuck.conf
systemctl daemon-reload
systemctl restart signet
restarted() { test "$(shown NRestarts)" -ge 1; }
until_true restarted
journalctl --unit signet --output cat | grep --quiet 'Watchdog timeout'
journalctl --unit signet --output cat | grep --quiet 'a task of the engine is stuck'
rm /run/systemd/system/signet.service.d/stuck.conf
systemctl daemon-reload
systemctl reset-failed signet
systemctl restart signet

echo "== an upgrade"
key=$(sha256sum < /var/lib/private/signet/signet.key)
signet account add bakery --database sqlite:/var/lib/signet/signet.db > /dev/null
pid=$(shown MainPID)
apt-get install --yes ./next/signet_*.deb
is ActiveState active
test "$(shown MainPID)" != "$pid"
grep --quiet '^SIGNET_LOG_FORMAT=json$' /etc/signet/signet.env
test "$(sha256sum < /var/lib/private/signet/signet.key)" = "$key"
page > /dev/null

echo "== scripts that are run again"
version=$(dpkg-query --show --showformat '${Version}' signet)
DPKG_MAINTSCRIPT_PACKAGE=signet /var/lib/dpkg/info/signet.postinst configure "$version"
is ActiveState active
systemctl disable --now signet
DPKG_MAINTSCRIPT_PACKAGE=signet /var/lib/dpkg/info/signet.postinst configure "$version"
is UnitFileState disabled
is ActiveState inactive
systemctl enable --now signet

echo "== removal, and coming back"
apt-get remove --yes signet
is LoadState masked || is LoadState not-found
test -f /etc/signet/signet.env -a -f /var/lib/private/signet/signet.db
apt-get install --yes ./next/signet_*.deb
is ActiveState active
# The account is there, and the secrets open.
signet check --database sqlite:/var/lib/signet/signet.db

echo "== purge"
apt-get purge --yes signet 2>&1 | tee /tmp/purged
grep --quiet 'stays in /var/lib/private/signet' /tmp/purged
test -f /var/lib/private/signet/signet.db
test ! -e /etc/signet/signet.env -a ! -e /usr/bin/signet -a ! -e /usr/lib/systemd/system/signet.service
is LoadState not-found
test -z "$(find /etc/systemd /var/lib/systemd/deb-systemd-helper-enabled -name '*signet.service*' 2> /dev/null)"
rm -r /var/lib/private/signet
echo "== all is well"
