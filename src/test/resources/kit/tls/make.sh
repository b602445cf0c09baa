#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the certificates and keys of this folder with OpenSSL 3, valid from 2020 to 2120 but for two.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
san="subjectAltName=IP:127.0.0.1,IP:0:0:0:0:0:0:0:1,DNS:localhost"
authority="basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign"

from=20200101000000Z
to=21200101000000Z

ec() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# Signs the key NAME.key, by the CA or by itself.
issue() { # NAME SUBJECT EXTENSIONS (-selfsign | -cert CRT) -keyfile KEY
  local name=$1 subject=$2
  printf "$3\n" >"$work/extensions"
  shift 3
  : >"$work/index"
  cat >"$work/ca.conf" <<EOT
[ca]
default_ca=this
[this]
new_certs_dir=$work
database=$work/index
default_md=sha256
rand_serial=yes
policy=any
[any]
commonName=supplied
organizationName=optional
EOT
  openssl req -new -key "$name.key" -subj "$subject" -out "$work/$name.csr"
  openssl ca -batch -notext -config "$work/ca.conf" -startdate $from \
    -enddate $to -extfile "$work/extensions" -in "$work/$name.csr" -out "$name.crt" "$@"
}

ec ca.key
issue ca "/CN=Test CA" "$authority" -selfsign -keyfile ca.key
ec other-ca.key
issue other-ca "/CN=Other CA" "$authority" -selfsign -keyfile other-ca.key
ec intermediate.key
issue intermediate "/CN=Test intermediate CA" "$authority" -cert ca.crt -keyfile ca.key
ec server.key
issue server "/CN=server" "$san" -cert intermediate.crt -keyfile intermediate.key
mv server.crt leaf.crt
cat leaf.crt intermediate.crt >server.crt
cat leaf.crt other-ca.crt >wrong-issuer.crt
cat intermediate.crt leaf.crt >wrong-order.crt
# Of a server whose certificate clients refuse.
for name in expired not-yet-valid elsewhere; do cp server.key $name.key; done
to=20210101000000Z issue expired "/CN=expired" "$san" -cert ca.crt -keyfile ca.key
from=21100101000000Z issue not-yet-valid "/CN=not yet valid" "$san" -cert ca.crt -keyfile ca.key
issue elsewhere "/CN=elsewhere" "subjectAltName=DNS:elsewhere.test,IP:10.0.0.1" \
  -cert ca.crt -keyfile ca.key
rm expired.key not-yet-valid.key elsewhere.key
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key
issue rsa "/CN=renewed" "$san" -cert ca.crt -keyfile ca.key
openssl genpkey -quiet -algorithm ED25519 -out ed25519.key
issue ed25519 "/CN=ed25519" "$san" -cert ca.crt -keyfile ca.key
names="DNS:client.test,URI:spiffe://test/client,IP:10.0.0.1"
client="extendedKeyUsage=clientAuth"
ec client.key
issue client "/O=Test/CN=client" "subjectAltName=$names\n$client" -cert ca.crt -keyfile ca.key
ec other-client.key
issue other-client "/CN=other client" "$client" -cert other-ca.crt -keyfile other-ca.key

# The same keys in other forms.
openssl ec -in server.key -out server-sec1.key
(openssl ecparam -name prime256v1 && cat server-sec1.key) >server-sec1-parameters.key
openssl pkey -in rsa.key -traditional -out rsa-pkcs1.key
openssl pkcs8 -topk8 -in server.key -passout pass:secret -out encrypted.key
openssl pkey -in rsa.key -traditional -aes128 -passout pass:secret -out encrypted-pkcs1.key
cat server.crt server.key >both.pem
rm intermediate.key ca.key other-ca.key
