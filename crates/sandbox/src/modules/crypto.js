import { native, refuse } from 'waybill:prelude';
import { decodeBytes, encodeBytes, toBytes } from 'base64';
const hex = (bytes) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
function digest(algorithm, data, key, encoding = 'hex') {
  const made = native('digest', algorithm, encodeBytes(toBytes(data)), key === null ? null : encodeBytes(toBytes(key)));
  if (made === null) refuse('kInvalidArgument', 400, `the algorithm ${algorithm} is not available; sha256, sha384 and sha512 are`);
  return encoding === 'base64' ? made : hex(decodeBytes(made));
}
export const sha256 = (data, encoding) => digest('sha256', data, null, encoding);
export const sha384 = (data, encoding) => digest('sha384', data, null, encoding);
export const sha512 = (data, encoding) => digest('sha512', data, null, encoding);
export const hash = (algorithm, data, encoding) => digest(String(algorithm).toLowerCase(), data, null, encoding);
export const hmac = (algorithm, key, data, encoding) => digest(String(algorithm).toLowerCase(), data, key, encoding);
export const randomBytes = (count, encoding = 'hex') => {
  if (!Number.isInteger(count) || count < 1 || count > 1024) refuse('kInvalidArgument', 400, 'from 1 to 1024 bytes');
  const made = native('random', count);
  return encoding === 'base64' ? made : hex(decodeBytes(made));
};
export const randomUUID = () => {
  const text = randomBytes(16);
  const variant = ((parseInt(text[16], 16) & 3) | 8).toString(16);
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-4${text.slice(13, 16)}-${variant}${text.slice(17, 20)}-${text.slice(20)}`;
};
export default { sha256, sha384, sha512, hash, hmac, randomBytes, randomUUID };
