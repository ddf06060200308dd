import { mount } from 'svelte';
import Upload from './upload.svelte';

mount(Upload, { target: document.querySelector('main') });
