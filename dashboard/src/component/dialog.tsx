// A modal dialog: traps the focus, gives it back, closes on Escape. Its name is its heading.
import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, onClose, children }: Props) {
  const closed = (isOpen: boolean) => {
    if (!isOpen) onClose();
  };
  return (
    <ModalOverlay className="overlay" isOpen onOpenChange={closed}>
      <Modal className="modal">
        <AriaDialog className="dialog">
          <Heading slot="title" className="dialog-title">
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
