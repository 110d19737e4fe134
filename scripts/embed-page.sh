#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes the header of what a report in HTML has in each file: the style and the script as C strings,
# and their hashes for the Content-Security-Policy. usage: embed-page.sh STYLE SCRIPT >HEADER
set -euo pipefail

c_string() { # FILE NAME
	printf 'static const char %s[] =\n' "$2"
	sed 's/\\/\\\\/g; s/"/\\"/g; s/	/\\t/g; s/.*/\t"&\\n"/' "$1"
	printf '\t;\n'
}

csp_hash() { # FILE NAME
	local hex
	hex=$(sha256sum <"$1")
	hex=${hex%% *}
	# shellcheck disable=SC2001,SC2059 # the format is the bytes
	printf 'static const char %s[] = "sha256-%s";\n' "$2" \
		"$(printf "$(sed 's/../\\x&/g' <<<"$hex")" | base64)"
}

echo '/* Made by scripts/embed-page.sh. */'
c_string "$1" page_style
csp_hash "$1" page_style_hash
c_string "$2" page_script
csp_hash "$2" page_script_hash
