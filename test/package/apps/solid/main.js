import { createComponent, render } from 'solid-js/web';
import { Upload } from './upload.jsx';

render(() => createComponent(Upload, {}), document.querySelector('main'));
