#!/bin/sh
# Makes a CA, and certificates for a server and a client on this machine: make_certificates.sh [DIR]
# For trying things out: the keys are not encrypted, all is valid for 30 days. Needs OpenSSL 3.
set -eu
mkdir -p "${1:-certificates}"
cd "${1:-certificates}"

new() { # NAME SUBJECT EXTENSION...
    name=$1 subject=$2
    shift 2
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -keyout "$name.key" -out "$name.pem" -subj "$subject" "$@" 2>/dev/null
}

new ca "/CN=Example CA" -addext "keyUsage=critical,keyCertSign,cRLSign"
new server "/CN=localhost" -CA ca.pem -CAkey ca.key \
    -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1" \
    -addext "basicConstraints=critical,CA:FALSE" -addext "extendedKeyUsage=serverAuth"
new client "/CN=Example client" -CA ca.pem -CAkey ca.key \
    -addext "basicConstraints=critical,CA:FALSE" -addext "extendedKeyUsage=clientAuth"
chmod 600 ./*.key
