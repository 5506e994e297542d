// How lengths and distances of time are told.
import { expect, test } from "vitest";
import { distance, length } from "./moment";

test.each([
  [0, "0 ms"],
  [999, "999 ms"],
  [1_000, "1.0 s"],
  [9_999, "9.9 s"],
  [59_999, "59 s"],
  [125_000, "2 min 5 s"],
  [3_600_000, "1 h"],
  [277_200_000, "3 d 5 h"],
])("%d ms is %s", (ms, said) => {
  expect(length(ms)).toBe(said);
});

test.each([
  [0, "now"],
  [-12_000, "12 s ago"],
  [180_000, "in 3 min"],
  [-90_000_000, "1 d ago"],
])("%d ms away is %s", (away, said) => {
  expect(distance(away, 0)).toBe(said);
});
