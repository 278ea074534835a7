import { ask } from 'waybill:prelude';
export const get = (key) => { const held = ask('cache.get', key); return held === null ? undefined : held.value; };
export const has = (key) => ask('cache.get', key) !== null;
export const set = (key, value, ttl) => { ask('cache.set', key, value === undefined ? null : value, ttl ?? null); return value; };
export const del = (key) => ask('cache.del', key);
export const cas = (key, check, value, ttl) =>
  ask('cache.cas', key, check === undefined ? null : check, value === undefined ? null : value, ttl ?? null);
export const list = () => ask('cache.list');
export default { get, has, set, del, cas, list };
