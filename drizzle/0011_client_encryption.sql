ALTER TABLE "files" ADD COLUMN "encryption" text;--> statement-breakpoint
GRANT UPDATE ("encryption") ON "files" TO signpost_app;
