// People who work in the demo's organization besides its owner.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { signUp } from "./journey.js";

const run = promisify(execFile);

// colleague signs somebody up and makes them a member of the demo's organization, and of no other.
export async function colleague(allin, page, name, role) {
  const person = await signUp(page, { name, organization: `${name} alone` });
  const sql = `with person as (select id from users where email = '${person.email}'), demo as (select id from organizations where demo)
    , gone as (delete from memberships where user_id = (select id from person))
    insert into memberships (organization_id, user_id, role) select demo.id, person.id, '${role}' from demo, person`;
  await run("psql", [`host=${allin.socket} user=postgres dbname=allin`, "-v", "ON_ERROR_STOP=1", "-c", sql]);
  await page.goto("/calendar");
  return person;
}
