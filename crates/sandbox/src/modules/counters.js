import { ask } from 'waybill:prelude';
export const next = (key) => ask('counters.next', key);
export const get = (key) => ask('counters.get', key);
export const has = (key) => ask('counters.get', key) !== null;
export const del = (key) => ask('counters.del', key);
export const list = () => ask('counters.list');
export default { next, get, has, del, list };
