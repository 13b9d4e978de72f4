// AllIN as `make run` starts it: the program itself with a database and a
// sandbox of its own, in a folder that is gone afterwards.
import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../bin/allin", import.meta.url));

// zone is where the demo organization is.
export const zone = "Europe/Berlin";

// start waits until AllIN says that it is ready, and returns where it is and
// how one signs in. stop ends it, and throws when it did not go well. name is
// what people call the machine, "127.0.0.1" where nothing else is wanted.
export async function start({ name = "127.0.0.1" } = {}) {
  const dir = await mkdtemp(join(tmpdir(), "allin-e2e-"));
  await chmod(dir, 0o755); // started by root, the database runs as another user
  const [listen, sandbox] = await freeAddresses(2);
  const at = `http://${name}:${listen.split(":")[1]}`;
  const child = spawn(program, ["serve"], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PG_BIN: process.env.PG_BIN ?? "",
      TZ: zone,
      ALLIN_DATA: join(dir, "data"),
      ALLIN_LISTEN: listen,
      ALLIN_ORIGIN: at,
      ALLIN_SANDBOX_LISTEN: sandbox,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve(code ?? signal)));
  const leave = () => child.kill("SIGTERM"); // it stops its database itself
  process.on("exit", leave);

  let said = "";
  let log = "";
  child.stderr.on("data", (text) => (log += text));
  const ready = new Promise((resolve) => {
    child.stdout.on("data", (text) => {
      said += text;
      if (/Demo sign-in:.*\n/.test(said)) resolve();
    });
  });

  async function stop() {
    child.kill("SIGTERM");
    const code = await within(20_000, ended, "AllIN did not stop on SIGTERM").catch((problem) => {
      child.kill("SIGKILL");
      throw new Error(`${problem.message}:\n${log}`);
    });
    process.off("exit", leave);
    await rm(dir, { recursive: true, force: true });
    if (code !== 0) throw new Error(`AllIN ended with ${code}:\n${log}`);
    const bad = log.split("\n").filter((line) => /level=ERROR|^panic:|DATA RACE/.test(line));
    if (bad.length > 0) throw new Error(`AllIN logged errors:\n${bad.join("\n")}`);
  }

  try {
    await within(60_000, Promise.race([ready, ended.then((code) => Promise.reject(new Error(`AllIN ended with ${code}`)))]), "AllIN did not get ready");
  } catch (problem) {
    leave();
    await within(10_000, ended, "").catch(() => child.kill("SIGKILL"));
    await rm(dir, { recursive: true, force: true });
    throw new Error(`${problem.message}:\n${said}\n${log}`);
  }
  const [, origin] = /AllIN is ready:\s+(\S+)/.exec(said);
  const [, email, password] = /Demo sign-in:\s+(\S+)\s+(\S+)/.exec(said);
  return { origin, sandbox: `http://${sandbox}`, email, password, stop, log: () => log };
}

function within(milliseconds, promise, problem) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(problem)), milliseconds)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// freeAddresses holds all of them at once, so that they differ.
async function freeAddresses(count) {
  const held = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve, reject) => {
      const server = createServer().on("error", reject).listen(0, "127.0.0.1", () => resolve(server));
    })),
  );
  const addresses = held.map((server) => `127.0.0.1:${server.address().port}`);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return addresses;
}
