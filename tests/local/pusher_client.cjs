// The official pusher-js as a child process of a test: prints one line of JSON for everything that it sees.
// Arguments: port, key, secret, channel.
const { createHmac } = require("node:crypto");
const Pusher = require("pusher-js");

const [port, key, secret, name] = process.argv.slice(2);
const tell = (what, detail = null) => console.log(JSON.stringify([what, detail]));

const pusher = new Pusher(key, {
  cluster: "local",
  wsHost: "127.0.0.1",
  wsPort: Number(port),
  forceTLS: false,
  enabledTransports: ["ws"],
  channelAuthorization: {
    customHandler: ({ socketId, channelName }, done) => {
      const signature = createHmac("sha256", secret).update(`${socketId}:${channelName}`).digest("hex");
      done(null, { auth: `${key}:${signature}` });
    },
  },
});
const channel = pusher.subscribe(name);
channel.bind("pusher:subscription_succeeded", () => tell("subscribed"));
channel.bind("log", (data) => tell("log", data));
