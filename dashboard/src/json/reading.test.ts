// What is said of JSON that a person typed.
import { expect, test } from "vitest";
import { readJson, readObject } from "./reading";

test.each([
  ['{"a": [1, -2.5e3, "x\\n\\u00e9", true, null]}', { a: [1, -2500, "x\né", true, null] }],
  ["  null ", null],
  ["{}", {}],
  ["[ ]", []],
])("reads %s", (text, value) => {
  expect(readJson(text)).toEqual({ ok: true, value });
});

test.each([
  ["", "Line 1, column 1: expected a value, and the text ends"],
  ['{\n  "url": hello\n}', "Line 2, column 10: hello is not JSON; a string stands in double quotes"],
  ['{"a": 1,}', "Line 1, column 9: expected a name in double quotes"],
  ['{"a": 1 "b": 2}', "Line 1, column 9: expected , or }"],
  ['{"a": 1, "a": 2}', 'Line 1, column 10: the name "a" is there twice'],
  ["{'a': 1}", "Line 1, column 2: expected a name in double quotes"],
  ["[1 2]", "Line 1, column 4: expected , or ]"],
  ['"open', "Line 1, column 1: this string does not end"],
  ["01", "Line 1, column 2: there is more after the end of the value"],
  ["9007199254740993", "Line 1, column 1: integers beyond"],
  ["NaN", "Line 1, column 1: NaN is not JSON"],
  ["1 }", "Line 1, column 3: there is more after the end of the value"],
  ["[".repeat(70), "Line 1, column 65: nested more than 64 deep"],
])("says where %j is wrong", (text, message) => {
  const read = readJson(text);
  expect(read.ok ? "" : read.message).toContain(message);
});

test("a patch is an object", () => {
  expect(readObject("[1]")).toEqual({ ok: false, message: expect.stringContaining("expected an object") });
  expect(readObject('{"url": "x"}')).toEqual({ ok: true, value: { url: "x" } });
});
