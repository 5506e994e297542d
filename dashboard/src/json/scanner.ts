// Reads JSON as strictly as the API does, and says where it is wrong: browsers do not all say the place.
interface JsonFault {
  readonly offset: number;
  readonly message: string;
}

const DEEPEST = 64;
const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these in strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORD = /[A-Za-z_][A-Za-z_0-9]*/y;
const WORDS = ["true", "false", "null"];

/** The first fault of the text as one JSON value; null where there is none. */
export function faultOf(text: string): JsonFault | null {
  try {
    const end = skip(text, value(text, skip(text, 0), 1));
    return end < text.length ? { offset: end, message: "there is more after the end of the value" } : null;
  } catch (fault) {
    if (fault instanceof Fault) return { offset: fault.offset, message: fault.message };
    throw fault;
  }
}

class Fault extends Error {
  constructor(
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

function value(text: string, at: number, depth: number): number {
  const first = text[at];
  if (depth > DEEPEST) throw new Fault(at, `nested more than ${DEEPEST} deep`);
  if (first === "{") return members(text, at, depth);
  if (first === "[") return elements(text, at, depth);
  if (first === '"') return string(text, at);
  if (first === "-" || (first !== undefined && first >= "0" && first <= "9")) return number(text, at);
  return word(text, at);
}

function members(text: string, open: number, depth: number): number {
  const names = new Set<string>();
  let at = skip(text, open + 1);
  if (text[at] === "}") return at + 1;
  for (;;) {
    if (text[at] !== '"') throw new Fault(at, 'expected a name in double quotes, as in {"url": "…"}');
    const end = string(text, at);
    const name: unknown = JSON.parse(text.slice(at, end));
    if (typeof name === "string" && names.has(name)) throw new Fault(at, `the name "${name}" is there twice`);
    names.add(String(name));
    at = skip(text, end);
    if (text[at] !== ":") throw new Fault(at, "expected : after the name");
    at = skip(text, value(text, skip(text, at + 1), depth + 1));
    if (text[at] === "}") return at + 1;
    if (text[at] !== ",") throw new Fault(at, "expected , or }");
    at = skip(text, at + 1);
  }
}

function elements(text: string, open: number, depth: number): number {
  let at = skip(text, open + 1);
  if (text[at] === "]") return at + 1;
  for (;;) {
    at = skip(text, value(text, at, depth + 1));
    if (text[at] === "]") return at + 1;
    if (text[at] !== ",") throw new Fault(at, "expected , or ]");
    at = skip(text, at + 1);
  }
}

function string(text: string, at: number): number {
  const end = matched(STRING, text, at);
  if (end === null) throw new Fault(at, "this string does not end, or has a character that must be escaped");
  return end;
}

function number(text: string, at: number): number {
  const end = matched(NUMBER, text, at);
  if (end === null) throw new Fault(at, "this is no number");
  const said = text.slice(at, end);
  if (/^-?[0-9]+$/.test(said) && !Number.isSafeInteger(Number(said))) {
    throw new Fault(at, "integers beyond ±(2^53−1) lose digits: send it as a string");
  }
  return end;
}

function word(text: string, at: number): number {
  const end = matched(WORD, text, at) ?? at;
  const said = text.slice(at, end);
  if (WORDS.includes(said)) return end;
  if (said) throw new Fault(at, `${said} is not JSON; a string stands in double quotes`);
  throw new Fault(at, at >= text.length ? "expected a value, and the text ends" : `unexpected ${text[at]}`);
}

function skip(text: string, at: number): number {
  return matched(SPACE, text, at) ?? at;
}

function matched(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}
