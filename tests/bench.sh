#!/bin/sh
# bench.sh [SCENARIO...]: runs bench in tests/bench.d, which is a disk of its own, ext4 on a loop device, where that can be had: then
# what is written to it is counted. BENCH_DISK=no: it is an ordinary directory.
cd "$(dirname "$0")" || exit
PATH=$(cd ..; pwd):$(pwd):$PATH
clean() {
	cd "$here" && { [ -z "$loop" ] || { umount bench.d; losetup -d "$loop"; }; } 2>/dev/null
	rm -rf bench.d bench.img
}
here=$(pwd) loop=
trap clean EXIT
trap 'exit 130' HUP INT TERM
clean
mkdir bench.d || exit
if [ "${BENCH_DISK-}" != no ] && [ "$(id -u)" = 0 ] && command -v mkfs.ext4 >/dev/null && truncate -s 8G bench.img 2>/dev/null &&
    loop=$(losetup -f --show bench.img 2>/dev/null); then
	if mkfs.ext4 -q "$loop" && mount "$loop" bench.d; then
		BENCH_STAT=/sys/block/${loop##*/}/stat
		export BENCH_STAT
	else
		losetup -d "$loop"
		loop=
	fi
fi
[ -n "$loop" ] || echo 'bench: no disk of its own here: what is written is not counted'
cd bench.d && bench "$@"
