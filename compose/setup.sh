#!/bin/sh
# Makes everything that belongs to one site and not to the project: certificates, passwords, ACL, settings.
#   compose/setup.sh DISTRICT SERVER_NAME[,NAME...] [FOLDER]      FOLDER: compose/site
# DISTRICT as on the topics (beichen); SERVER_NAME as devices write it. A folder that exists is left as it is; one that
# could not be finished is not left behind.
set -eu
umask 077
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() { printf 'setup: %s\n' "$1" >&2; exit 2; }

[ $# -ge 2 ] || fail "usage: setup.sh DISTRICT SERVER_NAME[,NAME...] [FOLDER]"
district=$1
server=$2
target=${3:-$here/site}
case $district in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) fail "'$district' is no district: letters, digits, . _ -" ;; esac
[ ! -e "$target" ] || fail "$target is there already; it was left as it is"

site=$target.part
rm -rf "$site"
trap 'rm -rf "$site"' EXIT
mkdir -p "$site/secrets" "$site/broker/certs" "$site/send"
site=$(CDPATH='' cd -- "$site" && pwd)

"$here/make-certs.sh" "$site/ca" ca
"$here/make-certs.sh" "$site/ca" server "$server,mosquitto,localhost"
cp "$site/ca/ca.crt" "$site/ca/server.crt" "$site/ca/server.key" "$site/broker/certs/"
cp "$site/ca/ca.crt" "$site/ca.crt"
rm "$site/ca/server.key"
sed "s/@DISTRICT@/$district/g" "$here/mosquitto/acl.in" >"$site/broker/acl"

# A password for each user of the ACL; ours is the one that compose mounts.
sed -n 's/^user //p' "$site/broker/acl" | while read -r user; do
    secret=$site/secrets/$user-password
    [ "$user" != greensward ] || secret=$site/secrets/broker-password
    openssl rand -hex 24 >"$secret"
    printf '%s:%s\n' "$user" "$(cat "$secret")"
done >"$site/broker/passwords"
# Grafana's, for whoever looks at the monitoring.
openssl rand -hex 24 >"$site/secrets/grafana-password"
if command -v mosquitto_passwd >/dev/null 2>&1; then
    mosquitto_passwd -U "$site/broker/passwords"
elif command -v docker >/dev/null 2>&1; then
    docker run --rm --user "$(id -u):$(id -g)" --volume "$site/broker:/work" \
        "${MOSQUITTO_IMAGE:-eclipse-mosquitto:2.0.22}" mosquitto_passwd -U /work/passwords
else
    fail "neither mosquitto_passwd nor docker is here; one of them is needed to hash the passwords"
fi
! grep -qvE '^[a-z0-9-]+:\$' "$site/broker/passwords" || fail "the passwords could not be hashed"

printf '[site]\ndistrict = "%s"\n' "$district" >"$site/greensward.toml"

# The containers' users: 1883 is Mosquitto's, 10001 is ours, 472 is Grafana's. Only root can give files away.
chmod 755 "$site" "$site/secrets" "$site/broker" "$site/broker/certs"
chmod 644 "$site/greensward.toml" "$site/ca.crt"
if [ "$(id -u)" = 0 ]; then
    chown -R 1883:1883 "$site/broker"
    chown 10001:10001 "$site/secrets/broker-password" "$site/send"
    chown 472:472 "$site/secrets/grafana-password"
else
    printf 'setup: now run: cd %s && sudo chown -R 1883:1883 broker && sudo chown 10001:10001 secrets/broker-password send && sudo chown 472:472 secrets/grafana-password\n' \
        "$target" >&2
fi
mv "$site" "$target"
printf 'setup: %s is ready. A certificate for a device: %s/make-certs.sh %s/ca device ID\n' "$target" "$here" "$target" >&2
