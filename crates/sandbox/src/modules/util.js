import id from 'util.id';
export { id };
export default { id };
