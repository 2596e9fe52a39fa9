// The official pusher-js as a child process of a test: prints one line of JSON, [channel, event, data], for everything
// that it sees, and ["", state, socket id] when its connection comes and goes.
// Arguments: port, key, secret, the user's name in presence channels, then the channels.
const { createHmac } = require("node:crypto");
const Pusher = require("pusher-js");

const [port, key, secret, user, ...names] = process.argv.slice(2);
const tell = (...line) => console.log(JSON.stringify(line));

const authorise = (socketId, channel) => {
  const isPresence = channel.startsWith("presence-");
  const channelData = isPresence && JSON.stringify({ user_id: user, user_info: { name: user.toUpperCase() } });
  const text = [socketId, channel, ...(isPresence ? [channelData] : [])].join(":");
  const auth = `${key}:${createHmac("sha256", secret).update(text).digest("hex")}`;
  return isPresence ? { auth, channel_data: channelData } : { auth };
};

const pusher = new Pusher(key, {
  cluster: "local",
  wsHost: "127.0.0.1",
  wsPort: Number(port),
  forceTLS: false,
  enabledTransports: ["ws"],
  channelAuthorization: {
    customHandler: ({ socketId, channelName }, done) => done(null, authorise(socketId, channelName)),
  },
});
for (const state of ["connected", "disconnected"])
  pusher.connection.bind(state, () => tell("", state, pusher.connection.socket_id ?? null));
for (const name of names) pusher.subscribe(name).bind_global((event, data) => tell(name, event, data ?? null));
