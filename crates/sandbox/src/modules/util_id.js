import { native, refuse } from 'waybill:prelude';
import { decodeBytes } from 'base64';
const text = (id) => (id === null || id === undefined ? '' : String(id._id ?? id).toLowerCase());
export const isIdFormat = (id) => /^[0-9a-f]{24}$/.test(text(id));
export const isId = isIdFormat;
export const getIdOrNull = (id) => (isIdFormat(id) ? text(id) : null);
export const equalIds = (a, b) => isIdFormat(a) && text(a) === text(b);
export const findIdPos = (list, id) => (Array.isArray(list) ? list : []).findIndex((held) => equalIds(held, id));
export const inIdArray = (list, id) => findIdPos(list, id) >= 0;
export const findIdInArray = (list, path, id) => (Array.isArray(list) ? list : []).find((held) => equalIds(held?.[path], id));
export const diffIdArrays = (list, other) => (list ?? []).filter((id) => !inIdArray(other, id));
export const intersectIdArrays = (list, other) => (list ?? []).filter((id) => inIdArray(other, id));
export const generateId = () => {
  const seconds = Math.floor(Date.now() / 1000).toString(16).padStart(8, '0').slice(-8);
  const random = native('random', 8);
  if (random === null) refuse('kError', 500, 'there is no randomness');
  return seconds + decodeBytes(random).map((byte) => byte.toString(16).padStart(2, '0')).join('');
};
export default { isId, isIdFormat, getIdOrNull, equalIds, findIdPos, inIdArray, findIdInArray, diffIdArrays, intersectIdArrays, generateId };
