#!/bin/sh
# Makes certificates with openssl (P-256, SHA-256).
#   make-certs.sh FOLDER ca                     FOLDER/ca.crt and FOLDER/ca.key; ten years
#   make-certs.sh FOLDER server NAME[,NAME...]  FOLDER/server.crt and .key for these host names and addresses; two years
#   make-certs.sh FOLDER device ID              FOLDER/devices/ID.crt and .key; the broker knows the device by this name; five years
#   make-certs.sh FOLDER worker NAME            FOLDER/worker.crt and .key, for brokers that ask ingest for one; two years
# A key that exists is never overwritten. Keep ca.key off the broker: whoever has it can be any device.
set -eu
umask 077

fail() { printf 'make-certs: %s\n' "$1" >&2; exit 2; }

[ $# -ge 2 ] || fail "usage: make-certs.sh FOLDER ca | server NAME[,NAME...] | device ID | worker NAME"
folder=$1
kind=$2
name=${3:-}
mkdir -p "$folder/devices"

is_id() { # an id of the contract: [A-Za-z0-9][A-Za-z0-9._-]{0,63}
    case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;; esac
    [ ${#1} -le 64 ]
}

new_key() {
    [ ! -e "$1.key" ] || fail "$1.key is there already; it was left as it is"
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null ||
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null
}

sign() { # path common-name days purpose [alternative names]
    [ -r "$folder/ca.key" ] || fail "$folder/ca.key is not here; first: make-certs.sh $folder ca"
    new_key "$1"
    extensions=$(mktemp)
    {
        printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "$4"
        printf 'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n'
        if [ -n "${5:-}" ]; then printf 'subjectAltName=%s\n' "$5"; fi
    } >"$extensions"
    openssl req -new -key "$1.key" -subj "/CN=$2" |
        openssl x509 -req -sha256 -days "$3" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" \
            -set_serial "0x$(openssl rand -hex 16)" -extfile "$extensions" -out "$1.crt" 2>/dev/null
    rm -f "$extensions"
    chmod 644 "$1.crt"
}

case $kind in
ca)
    new_key "$folder/ca"
    openssl req -x509 -new -sha256 -key "$folder/ca.key" -days 3650 -subj "/CN=Greensward devices and broker" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -out "$folder/ca.crt"
    chmod 644 "$folder/ca.crt"
    ;;
server)
    [ -n "$name" ] || fail "name the host names and addresses that clients connect to"
    names=''
    for each in $(printf '%s' "$name" | tr ',' ' '); do
        case $each in
        *[!A-Za-z0-9.:-]*) fail "$each is no host name and no address" ;;
        *:* | *[0-9].*[0-9].*[0-9].*[0-9]) names="$names,IP:$each" ;;
        *) names="$names,DNS:$each" ;;
        esac
    done
    sign "$folder/server" "${name%%,*}" 730 serverAuth "${names#,}"
    ;;
device)
    is_id "$name" || fail "'$name' is no device id: 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"
    case $name in
    greensward* | server-* | crew-*) fail "'$name': such names are for services and people; their rights would be the device's" ;;
    esac
    sign "$folder/devices/$name" "$name" 1826 clientAuth
    ;;
worker)
    is_id "$name" || fail "'$name' is no client id: 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"
    sign "$folder/worker" "$name" 730 clientAuth
    ;;
*) fail "unknown: $kind" ;;
esac
