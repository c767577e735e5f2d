// Sends events with a client that people use: node send.js segment|rudder HOST KEY COUNT
const [client, host, key, count] = process.argv.slice(2);

const kinds = {
  segment: () => {
    const { Analytics } = require("@segment/analytics-node");
    const open = new Analytics({ writeKey: key, host, flushAt: 10, flushInterval: 100 });
    return { track: (event) => open.track(event), close: () => open.closeAndFlush({ timeout: 120_000 }) };
  },
  rudder: () => {
    const Analytics = require("@rudderstack/rudder-sdk-node");
    const open = new Analytics(key, { dataPlaneUrl: host, flushAt: 10, flushInterval: 100, retryCount: 10, logLevel: "silent" });
    const answers = [];
    return {
      track: (event) => answers.push(new Promise((done, failed) => open.track(event, (error) => (error ? failed(error) : done())))),
      close: () => Promise.all(answers),
    };
  },
};

const open = kinds[client]();
for (let n = 0; n < Number(count); n += 1) open.track({ userId: `user-${n}`, event: "Visited", properties: { n } });
open.close().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
