// Pictures of every place at both sizes and in both themes, to be looked at:
//
//   SCREENS=/tmp/screens npx playwright test --config e2e screens
import { join } from "node:path";
import { test } from "./journey.js";
import { inScheme, places } from "./tour.js";

for (const place of places) {
  test.describe(() => {
    test.use({ as: place.as });
    test(`picture of ${place.name}`, async ({ page, allin, watch }, { project }) => {
      watch.expects(/./); // this is about how it looks
      await place.go(page, allin);
      for (const colorScheme of ["light", "dark"]) {
        await inScheme(page, colorScheme);
        await page.screenshot({ path: join(process.env.SCREENS, `${place.name}-${project.name}-${colorScheme}.png`) });
      }
    });
  });
}
