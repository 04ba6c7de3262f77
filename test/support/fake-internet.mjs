/**
 * Preloaded into a service (fake-internet.ts says how): an internet of one machine, so that what a service does with public
 * hosts can be seen where there is no network. Names are looked up as always, from a name server of the test's; who then
 * connects to a name below `test`, whatever address was found and judged, reaches 127.0.0.1.
 */
import { Resolver } from 'node:dns';
import { Socket } from 'node:net';

const { setServers } = Resolver.prototype;
Resolver.prototype.setServers = function setTheOne() {
  setServers.call(this, [process.env.FAKE_NAME_SERVER]);
};

const realConnect = Socket.prototype.connect;
Socket.prototype.connect = function connect(...args) {
  const [first] = args;
  const options = Array.isArray(first) ? first[0] : first;
  if (/\.test$/.test(options?.host ?? '')) {
    const { lookup } = options;
    options.lookup = (host, how, done) =>
      lookup(host, { ...how, all: true }, (error) => {
        if (error) done(error);
        else if (how.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
        else done(null, '127.0.0.1', 4);
      });
  }
  return realConnect.apply(this, args);
};
