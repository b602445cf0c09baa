// SPDX-License-Identifier: Apache-2.0
// Tokens and keys made by another implementation, npm's jose, to test ours against; and the way back.
//
//   npm install --prefix /tmp/jose jose && cp jose.mjs /tmp/jose/
//   node /tmp/jose/jose.mjs make FOLDER            writes keys and tokens.json, as they are here
//   node /tmp/jose/jose.mjs verify KEYFILE ALG     says what is in the token on stdin, if it is good

import { createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import * as jose from 'jose';

const [command, ...args] = process.argv.slice(2);

async function make(folder) {
  const tokens = {};
  const sign = async (alg, key) => {
    tokens[alg] = await new jose.SignJWT({ scope: 'users:read users:delete' })
      .setProtectedHeader({ alg, kid: 'one' })
      .setIssuer('https://jose.example')
      .setSubject('jerry')
      .setAudience(['userservice', 'other'])
      .setIssuedAt(1_700_000_000)
      .setNotBefore(1_700_000_000)
      .setExpirationTime(4_102_444_800) // the year 2100
      .setJti('7')
      .sign(key);
  };
  for (const bytes of [32, 48, 64]) {
    const alg = `HS${bytes * 8}`;
    // Base64 of that many bytes is longer, and it is the text that is the key.
    const text = jose.base64url.encode(crypto.getRandomValues(new Uint8Array(bytes)));
    writeFileSync(`${folder}/${alg}.key`, text + '\n');
    await sign(alg, new TextEncoder().encode(text));
  }
  for (const alg of ['RS256', 'ES256']) {
    const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
    writeFileSync(`${folder}/${alg}-private.pem`, await jose.exportPKCS8(privateKey));
    writeFileSync(`${folder}/${alg}-public.pem`, await jose.exportSPKI(publicKey));
    await sign(alg, privateKey);
  }
  writeFileSync(`${folder}/tokens.json`, JSON.stringify(tokens, null, 2) + '\n');
}

async function verify(keyFile, alg) {
  const text = readFileSync(keyFile, 'utf8');
  const key = alg.startsWith('HS')
    ? new TextEncoder().encode(text.replace(/\n$/, ''))
    : createPublicKey(text);
  const token = readFileSync(0, 'utf8').trim();
  const { payload, protectedHeader } = await jose.jwtVerify(token, key, { algorithms: [alg] });
  console.log(JSON.stringify(protectedHeader), JSON.stringify(payload));
}

await { make, verify }[command](...args);
