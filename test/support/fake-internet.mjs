/**
 * Preloaded into a service (`NODE_OPTIONS=--import …`): an internet of one machine, so that what a service does with public
 * hosts can be seen where there is no network. Names below `public.test` resolve to a public address, those below
 * `rebound.test` to the metadata service of the clouds, and whoever then connects to one of them reaches 127.0.0.1.
 * The guard runs as always, with these answers in the place of DNS's.
 */
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';

const publicAddress = '93.184.216.34';
const privateAddress = '169.254.169.254';

const realLookup = dns.lookup;
dns.lookup = (hostname, options, callback) => {
  const address = /\.public\.test$/.test(hostname)
    ? publicAddress
    : /\.rebound\.test$/.test(hostname)
      ? privateAddress
      : undefined;
  if (address === undefined) return realLookup(hostname, options, callback);
  const done = typeof options === 'function' ? options : callback;
  process.nextTick(() => {
    if (options.all === true) done(null, [{ address, family: 4 }]);
    else done(null, address, 4);
  });
};
syncBuiltinESMExports();

const realConnect = Socket.prototype.connect;
Socket.prototype.connect = function connect(...args) {
  const [first] = args;
  const options = Array.isArray(first) ? first[0] : first;
  if (!/\.(public|rebound)\.test$/.test(options?.host ?? '')) return realConnect.apply(this, args);
  options.lookup(options.host, { all: true }, (error) => {
    if (error) this.destroy(error);
    else realConnect.call(this, { host: '127.0.0.1', port: options.port });
  });
  return this;
};
