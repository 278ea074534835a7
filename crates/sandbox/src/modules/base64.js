import { refuse } from 'waybill:prelude';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PLACES = new Map([...ALPHABET].map((letter, place) => [letter, place]));
export function toBytes(text) {
  const bytes = [];
  for (const letter of String(text)) {
    const code = letter.codePointAt(0);
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return bytes;
}
export function fromBytes(bytes) {
  let escaped = '';
  for (const byte of bytes) escaped += '%' + byte.toString(16).padStart(2, '0');
  try {
    return decodeURIComponent(escaped);
  } catch {
    return refuse('kInvalidArgument', 400, 'the bytes are not UTF-8');
  }
}
export function encodeBytes(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [a, b, c] = [bytes[at], bytes[at + 1], bytes[at + 2]];
    text += ALPHABET[a >> 2] + ALPHABET[((a & 3) << 4) | ((b ?? 0) >> 4)];
    text += b === undefined ? '=' : ALPHABET[((b & 15) << 2) | ((c ?? 0) >> 6)];
    text += c === undefined ? '=' : ALPHABET[c & 63];
  }
  return text;
}
export function decodeBytes(text) {
  const letters = String(text).replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, '');
  const bytes = [];
  let held = 0;
  let bits = 0;
  for (const letter of letters) {
    const place = PLACES.get(letter);
    if (place === undefined) refuse('kInvalidArgument', 400, 'not Base64');
    held = (held << 6) | place;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 255);
      held &= (1 << bits) - 1;
    }
  }
  return bytes;
}
export const encode = (text) => encodeBytes(toBytes(text));
export const decode = (text) => fromBytes(decodeBytes(text));
export default { encode, decode };
