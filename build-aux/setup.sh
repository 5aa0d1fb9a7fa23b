# build-aux/setup.sh -- what ./quickstart and ./check share; read with ".".
# The caller sets "self" (its name, for messages) and "srcdir".

BUILD_PACKAGES="gcc libc6-dev make autoconf pkg-config apache2-bin apache2-dev
    liblmdb-dev libxml2-dev libxxhash-dev libjansson-dev curl media-types"

die() {
    echo "$self: $*" >&2
    exit 1
}

# install_missing PACKAGE ... -- with apt-get, if any is missing.  Where there is
# no dpkg nothing is installed, and configure says what it cannot find.
install_missing() {
    command -v dpkg-query >/dev/null || return 0
    missing=
    for package
    do
        case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
        ?i*) ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root=sudo
    else
        die "these Debian packages are missing, and there is neither root nor a usable sudo" \
            "to install them; as root, run: apt-get install --no-install-recommends$missing"
    fi
    echo "$self: installing with apt-get:$missing"
    # The lists are words; a fresh machine has no package index yet.  Daemons among the packages
    # are wanted for their programs: while this runs, none is started as a service.
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            trap "rm -f $policy" EXIT
            printf "#!/bin/sh\nexit 101\n" >$policy && chmod 755 $policy || exit
        fi
        apt-get -qq update || exit
        apt-get -qq -y --no-install-recommends install "$@" >/dev/null' apt $missing </dev/null ||
        die "apt-get could not install:$missing"
}

# build_in DIRECTORY CONFIGURE_OPTION ... -- out of tree: the sources may be
# read-only, so ./configure is written into the build directory too.
build_in() {
    build_dir=$1
    shift
    mkdir -p "$build_dir" && cd "$build_dir" || return
    if [ ! -f configure ] || [ "$srcdir/configure.ac" -nt configure ]; then
        autoconf -o configure "$srcdir/configure.ac" && rm -f config.status || return
    fi
    if [ ! -f config.status ] || [ "$(cat options 2>/dev/null)" != "$srcdir $*" ]; then
        sh ./configure --srcdir="$srcdir" "$@" && echo "$srcdir $*" >options || return
    fi
    make -j"$(nproc)"
}
