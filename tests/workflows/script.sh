#!/bin/sh
# script.sh: a shell script that uses orch with ifs and loops of its own: all of it is one run, which grows. When
# it was cut off, or something failed, it is just started again: what was answered is not asked again.
#
#     sh tests/workflows/script.sh RUN FILE...
#
# The agents are small shell programs, so that it runs anywhere.
set -eu
run=$1
shift

for file; do
	orch run -q -r "$run" - file="$file" <<'E'
param file
run sh as lines-{{file}} | wc -l <"$file"
E
done

# What was answered decides what is asked next.
long=
for file; do
	if test "$(orch cat -r "$run" "lines-$file")" -gt 3; then
		long="$long $file"
	fi
done
if test -z "$long"; then
	echo 'nothing is long'
	exit
fi

orch run -q -r "$run" - list="$long" <<'E'
param list
run sh as long | printf '%s\n' $list
parallel max 2 file in < long
    run sh as head-{{file}} | head -n 1 "$file"
end
run sh as report < head-* | cat
E

# `report` was made by the text above: the answers that the run has are there by their names.
orch run -q -r "$run" - <<'E'
run sh as size < report | wc -l
print | {{size}} long, of which the first lines are:
print | {{report}}
E
