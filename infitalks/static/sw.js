// The service worker of browsers that may notify or have the app installed: says honestly that one is offline, and
// takes presses on notifications. It keeps the one page that says so and what that needs, nothing of any user, so that
// nothing is left for another one, and no page that can be fetched is ever an old one. The page's version is in this
// file's address (frontend/net/worker.ts): another one brings another worker, which drops what the old one kept.
const KEPT = `infitalks.offline.${new URL(location.href).searchParams.get("v")}`;
const OFFLINE = "/offline";

self.addEventListener("install", (event) => event.waitUntil(keep().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(dropOthers().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.mode === "navigate") event.respondWith(orKept(request, OFFLINE));
  else if (isLook(request)) event.respondWith(orKept(request, request.url));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

async function keep() {
  // As nobody: it must not show who was signed in.
  const page = await fetch(OFFLINE, { credentials: "omit" });
  const needs = (await page.clone().text()).matchAll(/(?:href|src)="(\/static\/[^"]+)"/g);
  const cache = await caches.open(KEPT);
  await cache.put(OFFLINE, page);
  await cache.addAll([...new Set([...needs].map(([, path]) => path))]);
}

async function dropOthers() {
  const old = (await caches.keys()).filter((name) => name.startsWith("infitalks.") && name !== KEPT);
  await Promise.all(old.map((name) => caches.delete(name)));
}

const isLook = ({ url, destination }) =>
  (destination === "style" || destination === "image") && new URL(url).pathname.startsWith("/static/");

const orKept = (request, path) =>
  fetch(request).catch(async () => (await caches.match(path)) ?? Response.error());

async function open({ path }) {
  const tabs = await self.clients.matchAll({ type: "window" });
  const tab = tabs.find(({ url }) => new URL(url).pathname.startsWith("/c"));
  if (!tab) return self.clients.openWindow(path);
  await tab.focus();
  tab.postMessage({ open: path });
}
