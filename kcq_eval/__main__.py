from kcq_eval.cli import main

main()
