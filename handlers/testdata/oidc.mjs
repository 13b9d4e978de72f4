// An OpenID provider (npm oidc-provider) on loopback for the sign-in tests: its form takes
// any name, whose address is NAME@example.com. Names that begin with "un" are not vouched for.
//
//   node oidc.mjs FOLDER REDIRECT…    FOLDER is where .ci/oidc installed it; prints the issuer
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...redirects] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(createRequire(path.join(folder, "x.js")).resolve("oidc-provider")));
const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "allin", client_secret: "s", redirect_uris: redirects, response_types: ["code"], grant_types: ["authorization_code"] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    features: { devInteractions: { enabled: true } },
    pkce: { required: () => true },
    findAccount: async (_, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, email: `${id}@example.com`, email_verified: !id.startsWith("un"), name: id }),
    }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
process.stdin.resume().on("end", () => process.exit()); // when the test is gone
