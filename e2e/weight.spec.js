// What a page costs on the way to the browser.
import { expect, test } from "./journey.js";

test("the calendar's scripts are under 100 kB on the way", async ({ page, allin }) => {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  const scripts = new Map();
  devtools.on("Network.responseReceived", ({ requestId, type, response }) => {
    if (type === "Script") scripts.set(requestId, { url: response.url, bytes: 0 });
  });
  devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (scripts.has(requestId)) scripts.get(requestId).bytes = encodedDataLength;
  });
  await page.goto("/calendar", { waitUntil: "networkidle" });

  const loaded = [...scripts.values()];
  expect(loaded.map(({ url }) => new URL(url).origin), "all of them from here").toEqual(loaded.map(() => allin.origin));
  const bytes = loaded.reduce((sum, script) => sum + script.bytes, 0);
  expect(bytes, "something was measured").toBeGreaterThan(1_000);
  expect(bytes, loaded.map(({ url, bytes }) => `${url}: ${bytes}`).join("\n")).toBeLessThan(100_000);
});
