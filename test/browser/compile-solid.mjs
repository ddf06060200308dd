import { transformAsync } from '@babel/core';
import presetSolid from 'babel-preset-solid';

/** A component of Solid, as Solid's compiler makes it. */
export async function compileSolid(source) {
  const { code } = await transformAsync(source, { presets: [presetSolid], configFile: false, babelrc: false });
  return code;
}
