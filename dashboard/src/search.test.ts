// Filters survive the way into the page's address and back.
import { expect, test } from "vitest";
import { isFiltered, jobsSearch } from "./page/jobs/filter";
import { labelsOf, labelText } from "./page/label";
import { many, one, parseSearch, stringifySearch } from "./search";

test("a search is the same after it was an address", () => {
  const search = { status: ["FAILED", "DEAD_LETTERED"], q: "a & b = c", label: ["team=billing, eu", "x=ü"] };
  expect(jobsSearch(parseSearch(stringifySearch(search)))).toEqual(jobsSearch(search));
});

test("nothing is said of what is not filtered", () => {
  expect(stringifySearch({ q: "", status: [], type: undefined })).toBe("");
  expect(isFiltered(jobsSearch({ sort: "created_at" }))).toBe(false);
});

test("states may stand between commas, as at the API", () => {
  expect(jobsSearch(parseSearch("?status=FAILED,LOST&status=RUNNING")).status).toEqual([
    "FAILED",
    "LOST",
    "RUNNING",
  ]);
});

test("a number in an address stays what was written", () => {
  expect(one(parseSearch("?q=0042").q)).toBe("0042");
  expect(many(undefined)).toBeUndefined();
});

test("a comma parts labels only where another label follows", () => {
  expect(labelsOf("team=a, b, region=eu")).toEqual(["team=a, b", "region=eu"]);
  expect(labelsOf(" ")).toEqual([]);
  expect(labelText(["a=1", "b=2"])).toBe("a=1, b=2");
});
