import { environment, refuse } from 'waybill:prelude';
const values = { org: environment.script.org, env: environment.script.env, limits: environment.limits };
export const get = (key) => String(key).split('.').reduce((held, part) => (Object.hasOwn(held ?? {}, part) ? held[part] : undefined), values);
export const keys = () => Object.keys(values);
export const set = () => refuse('kAccessDenied', 403, 'the script of an export reads the configuration and does not change it');
export default Object.assign((key, ...rest) => (rest.length > 0 ? set() : get(key)), { get, keys, set });
