# shellcheck shell=bash
# Unpacks Debian packages of any suite into a cache directory and leaves the system alone:
# it needs no root and changes neither apt's lists and caches nor the installed packages.
# For scripts to source, with `set -euo pipefail`.
#
#   cache_root                      print the cache directory
#   apt_private_unpack SUITE ROOT PACKAGE...
#                                   unpack the packages (alone, without what
#                                   they depend on) below ROOT, all or nothing
#
# MAPTRACE_CACHE          the cache directory, else $XDG_CACHE_HOME/maptrace
# MAPTRACE_DEBIAN_MIRROR  archive to use, else the one of this machine's apt

apt_private_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$@"; exit 1; }

cache_root() {
	local root=${MAPTRACE_CACHE:-}

	if [[ -z $root ]]; then
		[[ -n ${XDG_CACHE_HOME:-}${HOME:-} ]] ||
			die "set MAPTRACE_CACHE, XDG_CACHE_HOME or HOME: no place for the cache"
		root=${XDG_CACHE_HOME:-$HOME/.cache}/maptrace
	fi
	mkdir -p "$root" || die "cannot create the cache directory '$root'"
	(cd "$root" && pwd -P)
}

# The Debian main archive among this machine's apt sources. apt parses its own files, so it
# handles both formats, disabled entries and options. It knows origin and label only after
# an `apt-get update`, and leaves out entries without them unless told not to look. For
# those the end of the URL decides.
debian_mirror() {
	# shellcheck disable=SC2016 # apt expands these, not the shell
	local fields='$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(LABEL)' uri

	if [[ -n ${MAPTRACE_DEBIAN_MIRROR:-} ]]; then
		printf '%s\n' "$MAPTRACE_DEBIAN_MIRROR"
		return
	fi
	uri=$({
		apt-get indextargets --format "$fields"
		apt-get indextargets --no-release-info --format "$fields" || true
	} 2>/dev/null |
		awk -F'|' '
			$3 != "main" || $2 ~ /-security|\/updates/ { next }
			$4 == "Debian" && $5 ~ /^Debian( Backports)?$/ { known = known ? known : $1 }
			$4 ~ /^(\$|$)/ && $1 ~ /\/debian\/?$/ { likely = likely ? likely : $1 }
			END { print known ? known : likely }')
	[[ -n $uri ]] ||
		die "no Debian main archive in this machine's apt sources; set MAPTRACE_DEBIAN_MIRROR=URL"
	printf '%s\n' "$uri"
}

# A private apt of one suite: its own sources, lists, cache and (empty) status. The
# machine's apt.conf and netrc still apply, for proxies and certificates. Its hooks do not,
# since they act on the system's directories.
apt_private_config() {
	local suite=$1 dir=$2 mirror=$3

	mkdir -p "$dir/etc" "$dir/state/lists/partial" "$dir/cache/archives/partial" "$dir/log"
	: >"$dir/state/status"
	printf 'deb [signed-by=%s] %s %s main\n' \
		"$apt_private_keyring" "$mirror" "$suite" >"$dir/etc/sources.list"
	cat >"$dir/etc/apt.conf" <<-CONF
		Dir::State "$dir/state";
		Dir::State::lists "$dir/state/lists";
		Dir::State::status "$dir/state/status";
		Dir::Cache "$dir/cache";
		Dir::Cache::archives "$dir/cache/archives";
		Dir::Log "$dir/log";
		Dir::Etc::sourcelist "$dir/etc/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Sandbox::User "";
		APT::Update::Error-Mode "any";
		Acquire::Languages "none";
		Acquire::Retries "2";
		Acquire::http::Timeout "30";
		Acquire::https::Timeout "30";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Pre-Invoke;
		#clear DPkg::Post-Invoke;
	CONF
}

# Runs apt-get. When it fails, prints its first error as one line.
apt_private_get() {
	local dir=$1 what=$2 log
	shift 2

	log=$dir/log/apt-get
	LC_ALL=C apt-get -c "$dir/etc/apt.conf" -q "$@" >"$log" 2>&1 && return
	say "$what: $(grep -m1 '^E: ' "$log" || tail -n1 "$log")"
	return 1
}

apt_private_unpack() (
	local suite=$1 root=$2
	shift 2
	local cache dir mirror tmp deb link target

	for tool in apt-get dpkg-deb flock; do
		command -v "$tool" >/dev/null || die "needs $tool to unpack Debian packages"
	done
	[[ -r $apt_private_keyring ]] || die "needs $apt_private_keyring (package debian-archive-keyring)"

	cache=$(cache_root)
	dir=$cache/apt/$suite
	mkdir -p "$dir" "${root%/*}"
	exec 9>"$dir/lock"
	flock 9

	# Another call may have done it while we waited.
	[[ -d $root ]] && return

	mirror=$(debian_mirror)
	apt_private_config "$suite" "$dir" "$mirror"
	# Nobody else uses this while we hold the lock. What an interrupted call left is removed.
	tmp=$dir/unpack
	trap 'rm -rf "$tmp"' EXIT
	rm -rf "$tmp"
	mkdir -p "$tmp/deb" "$tmp/root"

	# Old package lists name a file that the archive no longer has: refresh them and try again.
	say "unpacking $* ($suite) into $root"
	cd "$tmp/deb" || exit
	if [[ -z $(find "$dir/state/lists" -name '*_Packages*' -print -quit) ]] ||
		! apt_private_get "$dir" "old package lists" download "$@" 2>/dev/null; then
		rm -f ./*.deb
		apt_private_get "$dir" "cannot reach $suite at $mirror" update || exit 1
		apt_private_get "$dir" "cannot download $* from $suite at $mirror" download "$@" || exit 1
	fi
	for deb in *.deb; do
		dpkg-deb -x "$deb" "$tmp/root" || die "cannot unpack $deb"
	done

	# Packages have absolute links to their own files. These must not lead out of the cache, to
	# what the system has there.
	cd "$tmp/root" || exit
	find . -type l -lname '/*' -print0 | while IFS= read -r -d '' link; do
		target=.$(readlink "$link")
		if [[ -e $target ]]; then
			ln -sfnr "$target" "$link"
		fi
	done
	mv -T "$tmp/root" "$root"
)
