import { useEffect } from 'preact/hooks';
import { FileField } from './FileField.js';
import { type FileInput, fits } from './inputs.js';

interface Props {
  readonly inputs: readonly FileInput[];
  readonly fileOf: (input: FileInput) => File | undefined;
  readonly onFile: (input: FileInput, file: File | undefined) => void;
}

/** A field for each file of a workflow. What is pasted goes into the first one that it fits, rather an empty one. */
export function FileFields({ inputs, fileOf, onFile }: Props) {
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const [file] = event.clipboardData?.files ?? [];
      if (!file) return;
      const fitting = inputs.length === 1 ? inputs : inputs.filter((input) => fits(input, file));
      const input = fitting.find((one) => !fileOf(one)) ?? fitting[0];
      if (input) onFile(input, file);
    };
    document.addEventListener('paste', onPaste);
    return () => document.removeEventListener('paste', onPaste);
  });

  if (inputs.length === 0) return null;
  return (
    <div class="files">
      {inputs.map((input) => (
        <FileField
          key={input.name}
          input={input}
          isAlone={inputs.length === 1}
          file={fileOf(input)}
          onFile={(file) => onFile(input, file)}
        />
      ))}
    </div>
  );
}
