import { environment, refuse } from 'waybill:prelude';
const copy = (value) => JSON.parse(JSON.stringify(value));
export const list = () => copy(environment.schemas);
export const read = (name) => {
  const found = environment.schemas.find((schema) => schema.name === name || schema.pluralName === name);
  return found === undefined ? refuse('kNotFound', 404, `the script of an export sees the definition that it was made with, not ${name}`) : copy(found);
};
export default { list, read };
