// The code that the dashboard offers to receivers verifies a real delivery, and no forged one.
import assert from 'node:assert/strict';
import { execFile as execFileWithCallback } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { makeCertificates } from '../support/certificates.js';
import { Dashboard } from '../support/dashboard.js';
import { Signet } from '../support/signet.js';

const LIMIT = { timeout: 120_000 };
const execFile = promisify(execFileWithCallback);
const template = (name) => fs.readFile(new URL(`../../app/src/receiver_code/${name}`, import.meta.url), 'utf8');

let signet, delivery, folder;

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'receiver-code-'));
  const certificates = await makeCertificates();
  signet = await Signet.start({ authority: certificates.authority });
  const receiver = https.createServer({ key: certificates.key, cert: certificates.cert }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const dashboard = await Dashboard.signUp(signet);
  const added = await dashboard.addWebhook(`https://localhost:${receiver.address().port}/`, ['task.completed']);
  const arrived = once(receiver, 'request').then(async ([request, response]) => {
    const body = Buffer.concat(await request.toArray());
    response.end();
    const named = (name) => request.headers[`webhook-${name}`];
    return { secret: added.secret, body, id: named('id'), timestamp: named('timestamp'), signature: named('signature') };
  });
  await dashboard.sendTest(added.path, 'task.completed');
  delivery = await arrived;
  receiver.close();
}, LIMIT);

after(async () => {
  await signet?.discard();
  await fs.rm(folder, { recursive: true, force: true });
});

/** A signature as Standard Webhooks defines it, made without Signet. */
function sign({ secret, id, timestamp, body }) {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${crypto.createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

/** Code must accept the genuine delivery, also amid signatures of other secrets, and refuse every other. */
async function assertVerifies(isGenuine) {
  const other = `v1,${Buffer.alloc(32).toString('base64')}`;
  const old = { ...delivery, timestamp: String(Number(delivery.timestamp) - 1000) };
  old.signature = sign(old);
  assert.equal(sign(delivery), delivery.signature);
  const cases = [
    [{}, true],
    [{ signature: `${other} ${delivery.signature}` }, true],
    [{ signature: other }, false],
    [{ signature: '' }, false],
    [{ signature: 'é v1, v1' }, false],
    [{ body: Buffer.concat([delivery.body, Buffer.from(' ')]) }, false],
    [{ id: `${delivery.id}0` }, false],
    [{ timestamp: String(Number(delivery.timestamp) + 1) }, false],
    [{ timestamp: '' }, false],
    [{ timestamp: 'soon' }, false],
    [{ secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` }, false],
    [old, false],
  ];
  for (const [change, genuine] of cases) {
    assert.equal(await isGenuine({ ...delivery, ...change }), genuine, JSON.stringify(change));
  }
}

/** Runs a program that prints `true` or `false` (in any case) for one delivery. */
const runs = (command, before) => async ({ secret, body, id, timestamp, signature }) => {
  const { stdout } = await execFile(command, [...before, body.toString('hex'), id, timestamp, signature, secret]);
  return stdout.trim().toLowerCase() === 'true';
};

/** The reason to skip a test: there is no such command here. */
async function missing(command, argument = '--version') {
  const found = await execFile(command, [argument]).then(() => true, () => false);
  return found ? false : `there is no ${command} here`;
}

async function write(name, code, suffix = '') {
  const file = path.join(folder, name);
  await fs.writeFile(file, code + suffix);
  return file;
}

test('the code for Node.js verifies', LIMIT, async () => {
  const { isGenuine } = await import(await write('receiver.mjs', await template('receiver.mjs')));
  await assertVerifies(({ secret, body, id, timestamp, signature }) =>
    isGenuine(body, { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }, secret),
  );
});

test('the code for Node.js has the secret filled in', LIMIT, async () => {
  const code = (await template('receiver.mjs')).replace('{{secret}}', delivery.secret);
  const { isGenuine } = await import(await write('filled.mjs', code));
  const { id, timestamp, signature } = delivery;
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
  assert.equal(isGenuine(delivery.body, headers), true);
});

test('the code for Python verifies', { ...LIMIT, skip: await missing('python3') }, async () => {
  const file = await write('receiver.py', await template('receiver.py'), `
import sys
body, id, timestamp, signature, secret = sys.argv[1:]
headers = {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature}
print(is_genuine(bytes.fromhex(body), headers, secret))
`);
  await assertVerifies(runs('python3', [file]));
});

test('the code for Java verifies', { ...LIMIT, skip: await missing('javac', '-version') }, async () => {
  await write('Receiver.java', await template('Receiver.java'));
  await write('Main.java', `
public class Main {
    public static void main(String[] given) {
        byte[] body = java.util.HexFormat.of().parseHex(given[0]);
        System.out.println(Receiver.isGenuine(body, given[1], given[2], given[3], given[4]));
    }
}
`);
  await execFile('javac', ['-d', folder, path.join(folder, 'Receiver.java'), path.join(folder, 'Main.java')]);
  await assertVerifies(runs('java', ['-cp', folder, 'Main']));
});

test('the code for Go verifies', { ...LIMIT, skip: await missing('go', 'version') }, async () => {
  const module = path.join(folder, 'go');
  await fs.mkdir(path.join(module, 'webhook'), { recursive: true });
  await write('go/go.mod', 'module receiver\n\ngo 1.21\n');
  await write('go/webhook/receiver.go', await template('receiver.go'));
  await write('go/main.go', `package main

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"receiver/webhook"
)

func main() {
	body, _ := hex.DecodeString(os.Args[1])
	headers := http.Header{}
	for place, name := range []string{"id", "timestamp", "signature"} {
		headers.Set("webhook-"+name, os.Args[place+2])
	}
	fmt.Println(webhook.IsGenuine(body, headers, os.Args[5]))
}
`);
  await execFile('go', ['build', '-o', 'receiver', '.'], { cwd: module });
  await assertVerifies(runs(path.join(module, 'receiver'), []));
});

test('the code for PHP verifies', { ...LIMIT, skip: await missing('php') }, async () => {
  const file = await write('receiver.php', await template('receiver.php'), `
[, $body, $id, $timestamp, $signature, $secret] = $argv;
$server = ['HTTP_WEBHOOK_ID' => $id, 'HTTP_WEBHOOK_TIMESTAMP' => $timestamp, 'HTTP_WEBHOOK_SIGNATURE' => $signature];
var_export(is_genuine(hex2bin($body), $server, $secret));
`);
  await assertVerifies(runs('php', [file]));
});

test('the code for Ruby verifies', { ...LIMIT, skip: await missing('ruby') }, async () => {
  const file = await write('receiver.rb', await template('receiver.rb'), `
body, id, timestamp, signature, secret = ARGV
puts genuine?([body].pack('H*'), id, timestamp, signature, secret)
`);
  await assertVerifies(runs('ruby', [file]));
});

test('the code for C# verifies', { ...LIMIT, skip: await missing('dotnet') }, async () => {
  await fs.mkdir(path.join(folder, 'cs'));
  await write('cs/cs.csproj', `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net8.0</TargetFramework></PropertyGroup>
</Project>
`);
  await write('cs/Receiver.cs', await template('Receiver.cs'));
  await write('cs/Main.cs', `
public static class Program
{
    public static void Main(string[] given) =>
        System.Console.WriteLine(Receiver.IsGenuine(
            System.Convert.FromHexString(given[0]), given[1], given[2], given[3], given[4]));
}
`);
  await execFile('dotnet', ['build', '-o', 'out'], { cwd: path.join(folder, 'cs') });
  await assertVerifies(runs('dotnet', [path.join(folder, 'cs/out/cs.dll')]));
});
