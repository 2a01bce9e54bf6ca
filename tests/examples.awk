# Writes each workflow and makefile that orch.1 and README show to the file that its first line names: # NAME.orch, # NAME.mk
/^\.Bd -literal/ { first = 1; next }
/^\.Ed/ || /^$/ { first = 0; if (!/^$/ || FILENAME ~ /README/) out = "" }
first && /^# [a-z]+\.(orch|mk)$/ || FILENAME ~ /README/ && /^    # [a-z]+\.orch/ { out = $2; sub(/:$/, "", out) }
{ first = 0 }
out {
	gsub(/\\e/, "\\")
	gsub(/\\&/, "")
	gsub(/\\\(dq/, "\"")
	gsub(/\\\(aq/, "'")
	print >out
}
