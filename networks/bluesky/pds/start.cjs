// Starts Bluesky's own PDS and its directory of identities (PLC), prints one line of
// JSON when both answer, and ends when its standard input does: a test that dies takes
// its servers along.
//
//   node start.cjs FOLDER   (FOLDER/node_modules holds @atproto/dev-env; data goes to TMPDIR)
const net = require('node:net');
const path = require('node:path');
const { createRequire } = require('node:module');

// Both servers listen on every interface by default. Here they may be reached from
// this machine only, whatever form of listen they call.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  const isPort = typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first));
  if (isPort) {
    if (typeof rest[0] === 'string') rest.shift();
    return listen.call(this, first, '127.0.0.1', ...rest);
  }
  if (first && typeof first === 'object' && 'port' in first) {
    return listen.call(this, { ...first, host: '127.0.0.1' }, ...rest);
  }
  return listen.call(this, first, ...rest);
};

async function main() {
  const load = createRequire(path.join(path.resolve(process.argv[2]), 'load.js'));
  const { TestNetworkNoAppView } = load('@atproto/dev-env');
  const network = await TestNetworkNoAppView.create({
    pds: { hostname: 'localhost', enableDidDocWithSession: true, blobUploadLimit: 50 * 1024 * 1024 },
  });
  process.stdout.write(JSON.stringify({
    port: network.pds.port,
    version: load('@atproto/pds/package.json').version,
  }) + '\n');
  process.stdin.resume().on('end', async () => {
    await network.close();
    process.exit(0);
  });
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
